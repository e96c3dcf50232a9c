"""What county and township want told 上情下达 and want to know: notices and questionnaires, whom
they reached, and what came back."""

"""What somebody who means harm would try, and the answer that each try has to get.

Each module is a chapter or some of the OWASP Application Security Verification Standard 4.0.3
(level 2), as functions that yield tries. The list with its answers is docs/attacks.md.
"""

"""Files brought in by people: uploaded, checked by a job, looked at, confirmed, stored by a job."""

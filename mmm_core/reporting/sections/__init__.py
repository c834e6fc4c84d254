"""One module per section of the report: each turns `ReportInputs` into what its template shows."""

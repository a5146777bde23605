"""What results are: the types of report.json and of studies, figures by name, the codes of findings."""

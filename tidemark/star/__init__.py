"""The star schema of the DWH: dimensions, facts, dates, gates, audits."""

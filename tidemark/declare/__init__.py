"""What a user declares: `area.yml` of each area, `project.yml` for all. No server is asked."""

"""The edge for applications: a service that takes events by HTTP, and answers from the star."""

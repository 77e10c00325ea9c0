"""PostgreSQL: sessions, statements, catalogs, COPY. It knows no area, and alone the driver."""

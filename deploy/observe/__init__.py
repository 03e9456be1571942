"""What watches the system: objectives, alerts and dashboards, generated from tables and the catalogue of metrics."""

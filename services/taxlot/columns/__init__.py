"""Arrow columns in and out: records of files, lots documents, chunks of requests, rows of HOLDINGS."""

"""What is read: pages, tables and files made of records, verdict and figures."""

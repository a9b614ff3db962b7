"""Other people's loggers: our numbers over updates as well as over steps, and our figures."""

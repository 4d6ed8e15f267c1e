"""The search index: its port, and its two doors (Elasticsearch and in process), which pass one contract suite."""

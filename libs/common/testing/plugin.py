"""The project's pytest plugin: fixtures for databases and servers that every part's tests use."""

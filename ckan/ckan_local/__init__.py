"""A real CKAN on loopback for tests and demonstrations: PostgreSQL, redis, Solr 9, CKAN. See ../README.md."""

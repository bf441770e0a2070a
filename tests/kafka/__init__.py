"""A real Apache Kafka broker for tests, measurements and developers."""

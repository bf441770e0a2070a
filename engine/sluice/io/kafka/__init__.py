"""Clients of Kafka: what reads, writes and administers topics."""

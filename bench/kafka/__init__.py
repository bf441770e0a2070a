"""What workers over Kafka cost, beside stock Faust that does the same by hand."""

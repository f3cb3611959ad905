"""Events: the typed catalogue, the transactional outbox, the relay that sends it, the consumer's side."""

"""The work list: equity types, the queue with its leases, the dispatcher."""

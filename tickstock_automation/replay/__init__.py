"""A server that speaks the vendor's REST API over a folder of bars. It stands for another company: it knows nothing of ours."""

"""From Save to the Hub: the queues of unsent rows, the sender, the watcher of pull requests."""

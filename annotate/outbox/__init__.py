"""From Save to the Hub: the queue of unsent rows, the sender and the watcher."""

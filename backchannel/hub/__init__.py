"""Fan-out: the one port, its gate, the open connections, and the flush that brings all of them to now."""

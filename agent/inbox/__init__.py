"""Where wishes and offers from upstream come in. Nothing in here can write to a machine: it makes proposals."""

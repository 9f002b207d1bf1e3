"""The local stack: `stack` has up, down and running; `status` has status and logs; `state` what is written down."""

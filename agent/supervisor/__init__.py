"""The supervisor of a host: has its agents forked, passes their messages on, observes the host, holds the lease."""

"""Deploy, restore and keep a management engine that runs as a VM on the hosts it manages."""

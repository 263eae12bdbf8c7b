"""Templates: what the installer writes for libvirt, for the guest and for other tools."""

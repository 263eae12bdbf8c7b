"""Answer files as things of their own: shown, checked, described by a schema, converted from and to Ansible's."""

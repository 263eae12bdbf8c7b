"""How the image, its OVA forms and the sample backup are made from Debian packages."""

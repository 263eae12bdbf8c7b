"""The reference appliance: the recipe of its image and the small engine inside it."""

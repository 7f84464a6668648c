"""Who answers and learns for the population."""

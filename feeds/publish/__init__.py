"""From stored stories to finished bytes."""

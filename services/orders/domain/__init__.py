"""The rules of orders: what may be ordered, what becomes of an order. Pure and provable."""

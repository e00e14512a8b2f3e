"""The real hosts: reached through a gateway that keeps keys outside, recorded, and compared with recorded worlds."""

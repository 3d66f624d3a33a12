"""What a method is worth: J and F, the DAVIS interactive protocol with its robot, first-frame propagation, the paper's tables."""

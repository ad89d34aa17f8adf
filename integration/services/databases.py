"""What the services of real databases share: where their programs come from, and as whom they run."""

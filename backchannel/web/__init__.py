"""Pages, API and pictures: everything that is asked for and answered."""

"""Models that replay answers, so that everything else can be real without a key."""

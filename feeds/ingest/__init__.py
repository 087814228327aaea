"""From source bytes to stored stories: fetch, parse, split, tag, write."""

"""Results as Markdown, for a comment on a pull request or the summary of a job: what matters first, the rest folded."""

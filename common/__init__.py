"""What coordinator and agents share: the job, the messages, the wire, the samples. Imports neither of them."""

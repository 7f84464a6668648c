"""Who answers a question: exams, whom to keep, routers, and ways for several to answer as one."""

"""A segment of the CRM with the details of its leads, beside what a user would pick instead."""

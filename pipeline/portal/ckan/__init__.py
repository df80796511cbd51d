"""A CKAN as the portal: one stable dataset a subject, whose release is switched in one transaction.

What belongs here: how a CKAN 2.12 keeps the protocol of `pipeline.portal`. What does not: the order of publishing.

A release is staged as a private dataset of its own: files, typed DataStore tables with their dictionary, views. The
switch hands those very resources to the public dataset by one `package_revise` that matches what was last read; nothing
is uploaded in it, so it either happens whole or not at all, and what readers get afterwards are the bytes and the rows
that were verified. docs/decisions/0013 says what was tried instead and what CKAN itself cannot give.
"""

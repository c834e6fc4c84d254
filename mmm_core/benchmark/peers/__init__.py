"""Programs that run in the Python environments of other libraries; they import nothing of this one."""

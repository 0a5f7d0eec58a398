"""The demonstration: made-up letters and staff for public bodies under their real names.

Names of districts follow Open Admin Data, CC BY 4.0 (github.com/open-admin-data/iraq-administrative-divisions).
"""

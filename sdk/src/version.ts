/** The version of the API that this package was made for: its schema's. */
export const API_VERSION = '1.0.0';

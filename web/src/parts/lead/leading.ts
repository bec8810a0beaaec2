/** Apart, so that a page loads it only when somebody leads. */
export { Leading } from '@communiconnect/live';

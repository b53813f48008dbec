/** Header that says that a hub has passed this request on, and which: a second one does not. */
export const PASSED_ON = 'x-portolan-passed-on';

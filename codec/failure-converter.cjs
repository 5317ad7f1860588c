// CommonJS, since Temporal's SDK loads it by path with `require`, and bundles it for the workflow sandbox.
const { DefaultFailureConverter } = require('@temporalio/common');

/** Messages and stack traces of failures become payloads, so that the codec encrypts them too. */
exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });

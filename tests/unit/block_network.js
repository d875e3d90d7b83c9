// Loaded into Node by --require: the synth's Node side may not open a connection either.
const net = require('node:net');
const dns = require('node:dns');

function refused() {
  throw new Error('synth opened a network connection');
}
net.Socket.prototype.connect = refused;
dns.lookup = refused;

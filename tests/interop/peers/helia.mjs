// Helia, the IPFS implementation in JavaScript, on loopback.
//
//   node helia.mjs        in the folder where its packages are installed
//
// It reads one request a line, {"id": 1, "do": "connect", "args": ["/ip4/..."]}, and writes one answer a line, {"id": 1, "ok": ...}
// or {"id": 1, "error": "..."}. Messages come as {"event": "message", ...}. It ends with its standard input. No bootstrap, no
// gateways, no delegated routing, no relay: TCP, Noise, yamux, gossipsub, Bitswap and a DHT of the local network.
import fs from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'

// js-libp2p wants what Node.js has from version 22 on.
Promise.withResolvers ??= function () {
  const both = {}
  both.promise = new this((resolve, reject) => { both.resolve = resolve; both.reject = reject })
  return both
}

const { createHeliaLight } = await import('helia')
const { withLibp2pLight } = await import('@helia/libp2p')
const { withBitswap } = await import('@helia/bitswap')
const { unixfs } = await import('@helia/unixfs')
const { gossipsub } = await import('@libp2p/gossipsub')
const { identify, identifyPush } = await import('@libp2p/identify')
const { kadDHT, passthroughMapper } = await import('@libp2p/kad-dht')
const { noise } = await import('@libp2p/noise')
const { peerIdFromString } = await import('@libp2p/peer-id')
const { ping } = await import('@libp2p/ping')
const { tcp } = await import('@libp2p/tcp')
const { yamux } = await import('@libp2p/yamux')
const { multiaddr } = await import('@multiformats/multiaddr')
const { CID } = await import('multiformats/cid')

const say = value => process.stdout.write(JSON.stringify(value) + '\n')

const helia = withBitswap(withLibp2pLight(createHeliaLight(), {
  addresses: { listen: [`/ip4/${process.env.HELIA_HOST ?? '127.0.0.1'}/tcp/0`] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  connectionGater: { denyDialMultiaddr: () => false },
  services: {
    identify: identify(),
    identifyPush: identifyPush(),
    ping: ping(),
    pubsub: gossipsub({ globalSignaturePolicy: 'StrictSign', allowPublishToZeroTopicPeers: true, emitSelf: false }),
    // Without this mapper it forgets every address of a private network.
    dht: kadDHT({
      protocol: '/ipfs/lan/kad/1.0.0', clientMode: false, peerInfoMapper: passthroughMapper, allowQueryWithZeroPeers: true
    })
  }
}))
await helia.start()
const { libp2p } = helia
await libp2p.services.dht.setMode('server')
const files = unixfs(helia)
const { pubsub } = libp2p.services

pubsub.addEventListener('gossipsub:message', ({ detail: { msg } }) => {
  say({ event: 'message', topic: msg.topic, from: String(msg.from), data: Buffer.from(msg.data).toString('hex') })
})

async function * filesBelow (folder, name) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const [at, below] = [path.join(folder, entry.name), `${name}/${entry.name}`]
    if (entry.isDirectory()) {
      yield * filesBelow(at, below)
    } else {
      yield { path: below, content: fs.createReadStream(at) }
    }
  }
}

async function add (at) {
  if (!fs.statSync(at).isDirectory()) {
    return String(await files.addByteStream(fs.createReadStream(at)))
  }
  let root
  for await (root of files.addAll(filesBelow(at, 'root'))) { /* the last one is the folder */ }
  return String(root.cid)
}

async function get (cid, to, options) {
  if ((await files.stat(cid, options)).type !== 'directory') {
    const out = fs.openSync(to, 'wx')
    for await (const part of files.cat(cid, options)) {
      fs.writeSync(out, part)
    }
    fs.closeSync(out)
    return
  }
  fs.mkdirSync(to)
  for await (const entry of files.ls(cid, options)) {
    if (entry.name.includes('/') || entry.name === '..') {
      throw new Error(`a name that leads elsewhere: ${entry.name}`)
    }
    await get(entry.cid, path.join(to, entry.name), options)
  }
}

const able = {
  connect: async (options, address) => { await libp2p.dial(multiaddr(address), options) },
  peers: async () => libp2p.getPeers().map(String),
  protocols: async (options, peer) => (await libp2p.peerStore.get(peerIdFromString(peer))).protocols,
  add: async (options, at) => add(at),
  get: async (options, cid, to) => get(CID.parse(cid), to, options),
  pin: async (options, cid) => { for await (const _ of helia.pins.add(CID.parse(cid), options)) { /* each block */ } },
  block: async (options, cid) => {
    const parts = []
    for await (const part of helia.blockstore.get(CID.parse(cid), options)) parts.push(part)
    return Buffer.concat(parts).toString('hex')
  },
  list: async (options, cid) => {
    const names = []
    for await (const entry of files.ls(CID.parse(cid), options)) names.push(entry.name)
    return names
  },
  subscribe: async (options, topic) => pubsub.subscribe(topic),
  listeners: async (options, topic) => pubsub.getSubscribers(topic).map(String),
  publish: async (options, topic, hex) => { await pubsub.publish(topic, Buffer.from(hex, 'hex')) },
  provide: async (options, cid) => { await libp2p.contentRouting.provide(CID.parse(cid), options) },
  providers: async (options, cid) => {
    const found = []
    for await (const peer of libp2p.contentRouting.findProviders(CID.parse(cid), options)) found.push(String(peer.id))
    return found
  }
}

// A peer's protocol error may end one answer, never the node.
process.on('unhandledRejection', error => console.error('unhandled:', error))
say({ event: 'ready', software: 'helia/7.1.15', peer: String(libp2p.peerId), addresses: libp2p.getMultiaddrs().map(String) })

createInterface({ input: process.stdin }).on('line', async line => {
  const { id, do: verb, args } = JSON.parse(line)
  try {
    if (able[verb] == null) throw new Error(`this peer cannot do "${verb}"`)
    say({ id, ok: (await able[verb]({ signal: AbortSignal.timeout(600_000) }, ...args)) ?? true })
  } catch (error) {
    say({ id, error: String(error?.stack ?? error) })
  }
}).on('close', () => process.exit(0))

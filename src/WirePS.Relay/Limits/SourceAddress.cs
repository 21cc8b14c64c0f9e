using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Primitives;

namespace WirePS.Relay.Limits;

/// <summary>Who a request is counted for: an IPv4 address, or the /64 of an IPv6 address, as one customer has a whole /64.</summary>
internal readonly record struct SourceAddress(UInt128 Value)
{
    public static SourceAddress Of(IPAddress? address)
    {
        if (address is null)
        {
            return default;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            // the mapped form, so that no IPv6 prefix is the same number
            bytes[10] = 0xff;
            bytes[11] = 0xff;
            address.TryWriteBytes(bytes[12..], out _);
        }
        else
        {
            address.TryWriteBytes(bytes, out _);
            bytes[8..].Clear();
        }

        return new SourceAddress(System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes));
    }
}

/// <summary>Finds the source of a request, also behind proxies that are trusted to name it.</summary>
internal sealed class SourceResolver(IReadOnlyList<IPNetwork> trustedProxies)
{
    private const int MaxHops = 16;

    public SourceAddress Resolve(HttpContext context) => SourceAddress.Of(Resolve(context.Connection.RemoteIpAddress, context.Request.Headers["X-Forwarded-For"]));

    /// <summary>
    /// Walks X-Forwarded-For from its end, where the nearest proxy writes, as long as the one who wrote is trusted. What stands further left came
    /// from the client and may be anything.
    /// </summary>
    internal IPAddress? Resolve(IPAddress? peer, StringValues forwardedFor)
    {
        if (peer is null || trustedProxies.Count == 0 || !IsTrusted(peer))
        {
            return peer;
        }

        var hops = forwardedFor.ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        for (var i = hops.Length - 1; i >= 0 && i >= hops.Length - MaxHops; i--)
        {
            if (!IPEndPoint.TryParse(hops[i], out var hop))
            {
                return peer;
            }

            peer = hop.Address;
            if (!IsTrusted(peer))
            {
                return peer;
            }
        }

        return peer;
    }

    private bool IsTrusted(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return trustedProxies.Any(network => network.Contains(plain));
    }
}

using WirePS.Tests.Support;
using Xunit;

namespace WirePS.Tests.Storage;

public sealed class RepairTests
{
    [Fact]
    public async Task Files_without_secrets_are_closed_and_named_and_those_with_secrets_are_refused()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var temp = new TestHome();
        using var engine = new WireEngine(temp.Home);
        await engine.Identity.EnsureAsync(null, CancellationToken.None);
        const UnixFileMode Wide = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead;
        File.SetUnixFileMode(temp.Home.CardFile, Wide);
        File.SetUnixFileMode(temp.Home.TrustFile, Wide);
        File.SetUnixFileMode(temp.Home.PrivateKeyFile, Wide);
        File.SetUnixFileMode(temp.Home.ConfigFolder, Wide | UnixFileMode.UserExecute | UnixFileMode.OtherExecute);

        Assert.Equal([temp.Home.ConfigFolder, temp.Home.CardFile, temp.Home.TrustFile], engine.RepairPermissions());
        Assert.Empty(engine.RepairPermissions());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(temp.Home.CardFile));
        Assert.Equal(WireReason.FileNotPrivate, Assert.Throws<WireException>(engine.Identity.Find).Reason);
    }
}
